package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
)

// Bodies are bytes; the codecs only read the API server's Status on an error.
var rawJSON = serializer.NewCodecFactory(runtime.NewScheme()).WithoutConversion()

type object = map[string]any

func (l *load) tokens() string {
	return "/apis/apitoken.dev/v1alpha1/namespaces/" + l.namespace + "/apitokens"
}

func (l *load) secrets() string { return "/api/v1/namespaces/" + l.namespace + "/secrets" }

func encode(body object) []byte {
	bytes, err := json.Marshal(body)
	exitOn(err)
	return bytes
}

func (l *load) create(ctx context.Context, path string, body object) ([]byte, error) {
	request := l.client.Post().AbsPath(path).Param("fieldManager", "apitoken-bench")
	return request.Body(encode(body)).DoRaw(ctx)
}

func (l *load) ensureNamespace(ctx context.Context) error {
	meta := object{"name": l.namespace}
	namespace := object{"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
	_, err := l.create(ctx, "/api/v1/namespaces", namespace)
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (l *load) postToken(ctx context.Context, name string) ([]byte, error) {
	return l.create(ctx, l.tokens(), object{
		"apiVersion": "apitoken.dev/v1alpha1", "kind": "ApiToken",
		"metadata": object{"name": name},
		"spec":     object{"user": "alice@example.com", "description": "load"},
	})
}

func (l *load) createToken(ctx context.Context, name string) error {
	_, err := l.postToken(ctx, name)
	return err
}

// mintRaw makes the operator's writes for a token: a Secret and a status of the same shape.
func (l *load) mintRaw(ctx context.Context, name string) error {
	answer, err := l.postToken(ctx, name)
	if err != nil {
		return err
	}
	var made struct {
		Metadata struct{ UID, ResourceVersion string }
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return err
	}
	value := "apt_" + rand.Text() + rand.Text()[:20]
	hash := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(value)))
	issued := time.Now().UTC()
	expires, warn := issued.AddDate(1, 0, 0), issued.AddDate(0, 11, 0)
	secret := secretOf(name, made.Metadata.UID, value, hash, issued, expires)
	if _, err := l.create(ctx, l.secrets(), secret); err != nil {
		return err
	}
	patch := encode(object{
		"metadata": object{"uid": made.Metadata.UID, "resourceVersion": made.Metadata.ResourceVersion},
		"status":   statusOf(name, value, hash, issued, expires, warn),
	})
	_, err = l.client.Patch(types.MergePatchType).AbsPath(l.tokens(), name, "status").
		Param("fieldManager", "apitoken-bench").Body(patch).DoRaw(ctx)
	return err
}

func secretOf(name, uid, value, hash string, issued, expires time.Time) object {
	return object{
		"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
		"data": object{"token": base64.StdEncoding.EncodeToString([]byte(value))},
		"metadata": object{
			"name":   name,
			"labels": object{"app.kubernetes.io/managed-by": "apitoken-operator"},
			"annotations": object{
				"apitoken.dev/expires-at": expires.Format(time.RFC3339),
				"apitoken.dev/issued-at":  issued.Format(time.RFC3339),
				"apitoken.dev/token-id":   value[4:12], "apitoken.dev/token-hash": hash,
				"apitoken.dev/user": "alice@example.com", "apitoken.dev/revision": "1",
			},
			"ownerReferences": []object{{
				"apiVersion": "apitoken.dev/v1alpha1", "kind": "ApiToken",
				"name": name, "uid": uid, "controller": true,
			}},
		},
	}
}

func statusOf(name, value, hash string, issued, expires, warn time.Time) object {
	condition := func(kind, status, reason, message string) object {
		return object{"type": kind, "status": status, "reason": reason, "message": message,
			"observedGeneration": 1,
			"lastTransitionTime": issued.Format(time.RFC3339)}
	}
	return object{
		"observedGeneration": 1, "type": "Permanent", "ttl": "8760h0m0s",
		"tokenID": value[4:12], "tokenHash": hash,
		"hint":     "…" + value[len(value)-4:],
		"issuedAt": issued.Format(time.RFC3339), "expiresAt": expires.Format(time.RFC3339),
		"warnAt": warn.Format(time.RFC3339), "revision": 1, "secretName": name,
		"conditions": []object{
			condition("Ready", "True", "Issued",
				"The token is in its Secret and works until "+expires.Format(time.RFC3339)),
		},
	}
}

// cleanup removes the objects of a run, tokens first, so that no operator mints again; then it
// waits until all are gone.
func (l *load) cleanup(ctx context.Context) error {
	events := "/apis/events.k8s.io/v1/namespaces/" + l.namespace + "/events"
	for _, path := range []string{l.tokens(), l.secrets(), events} {
		err := l.client.Delete().AbsPath(path).Do(ctx).Error()
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	for {
		left, err := l.left(ctx)
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d objects are still there", left)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (l *load) left(ctx context.Context) (int, error) {
	total := 0
	for _, path := range []string{l.tokens(), l.secrets()} {
		answer, err := l.client.Get().AbsPath(path).Param("limit", "1").DoRaw(ctx)
		if err != nil {
			return 0, err
		}
		var list struct{ Items []json.RawMessage }
		if err := json.Unmarshal(answer, &list); err != nil {
			return 0, err
		}
		total += len(list.Items)
	}
	return total, nil
}
