// Provider is an OpenID provider that shares no code with the portal: the library and the example
// storage of zitadel/oidc, served over TLS. Tests sign in to the portal with it. Users come from a
// file as the example reads it; its two clients are a public one with PKCE and one with a secret.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// As administrators set up a client for Kubernetes: the id_token holds the email, because the API
// server asks no userinfo endpoint.
type client struct {
	op.Client
	lifetime time.Duration
}

func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) IDTokenLifetime() time.Duration       { return c.lifetime }
func (c client) PostLogoutRedirectURIs() []string     { return nil }

type store struct {
	*storage.Storage
	lifetime time.Duration
}

func (s store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	found, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return client{found, s.lifetime}, nil
}

func main() {
	issuer := flag.String("issuer", "", "https://HOST:PORT, as clients and the API server know it")
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	certificate := flag.String("cert", "", "certificate in PEM")
	key := flag.String("key", "", "its private key in PEM")
	users := flag.String("users", "", "JSON: id -> ID, Username, Password, Email, EmailVerified")
	public := flag.String("public-redirect", "", "redirect address of the client apitoken-portal")
	secret := flag.String("secret-redirect", "", "redirect address of the client apitoken-proxy")
	lifetime := flag.Duration("lifetime", time.Hour, "of id_tokens")
	flag.Parse()

	people, err := storage.StoreFromFile(*users)
	if err != nil {
		log.Fatal(err)
	}
	storage.RegisterClients(
		storage.NativeClient("apitoken-portal", *public),
		storage.WebClient("apitoken-proxy", "proxy-s3cret", *secret),
	)
	router := exampleop.SetupServer(*issuer, store{storage.NewStorage(people), *lifetime}, nil, false)
	log.Fatal(http.ListenAndServeTLS(*address, *certificate, *key, router))
}
