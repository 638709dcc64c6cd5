# Sourced by the scripts in hack/ that run servers: a throw-away certificate authority and what it
# signs, EC P-256, by openssl alone. Keys are readable by their owner only. For test beds on
# loopback, never for a real cluster.
# shellcheck shell=bash

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# make_ca PREFIX: PREFIX.crt and PREFIX.key, valid for ten years.
make_ca() {
  new_key "$1.key"
  openssl req -x509 -new -key "$1.key" -sha256 -days 3650 -subj "/CN=apitoken-test-ca" \
    -out "$1.crt" \
    -addext "basicConstraints=critical,CA:TRUE" -addext \
      "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"
}

# A value for openssl's -subj, where / and + separate.
subject_value() { sed 's/[\\/+]/\\&/g' <<<"$1"; }

utc() { date -u -d "$1" +%Y%m%d%H%M%SZ; }

# sign CA_PREFIX PREFIX SUBJECT USAGE START END [SAN]: PREFIX.crt and PREFIX.key. START and END are
# for `date -d`. `openssl ca` is the one command of OpenSSL 3.0 that takes both dates, so that an
# expired certificate can be made.
sign() {
  local ca=$1 out=$2 subject=$3 usage=$4 start=$5 end=$6 san=${7:-} work
  work=$(mktemp -d)
  : >"$work/index.txt"
  {
    printf '[ca]\ndefault_ca = here\n[here]\nrand_serial = yes\n'
    printf 'database = %s/index.txt\nnew_certs_dir = %s\n' "$work" "$work"
    printf 'default_md = sha256\npolicy = any\nunique_subject = no\nx509_extensions = leaf\n'
    printf '[any]\norganizationName = optional\ncommonName = supplied\n'
    printf '[leaf]\nbasicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\n'
    printf 'extendedKeyUsage = %s\n' "$usage"
    [ -z "$san" ] || printf 'subjectAltName = %s\n' "$san"
  } >"$work/ca.cnf"
  new_key "$out.key"
  openssl req -new -key "$out.key" -utf8 -subj "$subject" -out "$work/request.pem"
  openssl ca -batch -notext -preserveDN -config "$work/ca.cnf" -cert "$ca.crt" -keyfile "$ca.key" \
    -startdate "$(utc "$start")" -enddate "$(utc "$end")" -in "$work/request.pem" \
      -out "$out.crt" 2>"$work/log" ||
    { cat "$work/log" >&2; rm -rf "$work"; return 1; }
  rm -rf "$work"
}
