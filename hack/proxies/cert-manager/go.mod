// Pins the kinds Issuer and Certificate, which hack/proxies.sh takes from the module as files. No code of it is built.
module kinds

go 1.26.0

require github.com/cert-manager/cert-manager v1.21.2
