{{- define "apitoken.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, unless it does not tell what this is. */}}
{{- define "apitoken.fullname" -}}
{{- $name := include "apitoken.name" . }}
{{- $default := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $default .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* The namespace of every object that is in one. */}}
{{- define "apitoken.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "apitoken.serviceAccountName" -}}
{{- default (.Values.serviceAccount.create | ternary (include "apitoken.fullname" .) "default") .Values.serviceAccount.name }}
{{- end }}

{{- define "apitoken.selectorLabels" -}}
app.kubernetes.io/name: {{ include "apitoken.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "apitoken.labels" -}}
{{ include "apitoken.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: apitoken-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "apitoken.image" -}}
{{- include "apitoken.imageOf" (dict "root" . "image" .Values.image) }}
{{- end }}

{{/* The image of a block of values such as .Values.image. Call with root, image. */}}
{{- define "apitoken.imageOf" -}}
{{- $tag := default .root.Chart.AppVersion .image.tag }}
{{- $name := printf "%s%s" .image.repository (ternary (printf "@%s" .image.digest) (printf ":%s" $tag) (not (empty .image.digest))) }}
{{- include "apitoken.inRegistry" (dict "root" .root "name" $name "registry" .image.registry) }}
{{- end }}

{{/* The name of an image, with the registry replaced by global.imageRegistry or else by `registry`, if one of them is set.
The first part of the name is a registry if it has a dot or a port, or is localhost. Call with root, name, registry. */}}
{{- define "apitoken.inRegistry" -}}
{{- $parts := splitList "/" .name }}
{{- $registry := default .registry (.root.Values.global).imageRegistry }}
{{- if not $registry }}{{ .name }}
{{- else if and (gt (len $parts) 1) (regexMatch "[.:]|^localhost$" (first $parts)) }}{{ $registry }}/{{ rest $parts | join "/" }}
{{- else }}{{ $registry }}/{{ .name }}
{{- end }}
{{- end }}

{{/* Fields that all pods of the chart have alike: pull secrets, DNS, host names, runtime. */}}
{{- define "apitoken.podFields" -}}
{{- $secrets := list }}
{{- range concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) }}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) }}
{{- end }}
{{- with uniq $secrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- /* In the node's network, Kubernetes' default would be the node's DNS, which knows no Service. */}}
{{- with default (ternary "ClusterFirstWithHostNet" "" (eq true .Values.hostNetwork)) .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* podSecurityContext. OpenShift's constraint restricted-v2 chooses user and groups from a range of the namespace, and refuses the
chart's own, so they are left out there; other numbers stay. */}}
{{- define "apitoken.podSecurityContext" -}}
{{- $context := dict }}
{{- range $field, $value := .Values.podSecurityContext }}
{{- $chosen := and (has $field (list "runAsUser" "runAsGroup" "fsGroup")) (eq "65532" (toString $value)) }}
{{- if not (and $chosen ($.Capabilities.APIVersions.Has "security.openshift.io/v1")) }}
{{- $_ := set $context $field $value }}
{{- end }}
{{- end }}
{{- toYaml $context }}
{{- end }}

{{/* Refuses to switch on a part that is new in this version while --reuse-values leaves out its defaults. Call with name, block,
and a key that its defaults have. */}}
{{- define "apitoken.requireDefaults" -}}
{{- if not (hasKey .block .key) }}
{{- fail (printf "%s.enabled: true, but the other values of %s are missing, as --reuse-values takes the previous version's; use --reset-then-reuse-values" .name .name) }}
{{- end }}
{{- end }}

{{/* Environment variables from a list, as Kubernetes takes them, or from a map: NAME: value, or NAME: {valueFrom: ...}. */}}
{{- define "apitoken.env" -}}
{{- if kindIs "map" . }}
{{- range $name, $value := . }}
- {{ merge (dict "name" $name) (kindIs "map" $value | ternary $value (dict "value" $value)) | toJson }}
{{- end }}
{{- else if . }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* An object that stands whole in files/: with the chart's labels, and with annotations where there are any. Call with root, object, annotations. */}}
{{- define "apitoken.whole" -}}
{{- $meta := .object.metadata }}
{{- $_ := set $meta "labels" (merge (include "apitoken.labels" .root | fromYaml) (default dict $meta.labels)) }}
{{- with .annotations }}{{- $_ := set $meta "annotations" (merge . (default dict $meta.annotations)) }}{{- end }}
{{- toYaml .object }}
{{- end }}

{{- define "apitoken.prometheusOperator" -}}
{{- if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}true{{ end }}
{{- end }}

{{/* The issuer of JWTs: .Values.issuer, or the Service of verification. */}}
{{- define "apitoken.issuer" -}}
{{- default (printf "https://%s.%s.svc:%d" (include "apitoken.fullname" .) (include "apitoken.namespace" .) (int .Values.verify.service.port)) .Values.issuer }}
{{- end }}

{{- define "apitoken.verifyVolumes" -}}
{{- if and .Values.verify.tlsSecret (or .Values.verify.enabled .Values.metrics.secure) }}
- name: verify-tls
  secret:
    secretName: {{ .Values.verify.tlsSecret }}
{{- end }}
{{- if and .Values.verify.enabled .Values.verify.clientCASecret }}
- name: verify-client-ca
  secret:
    secretName: {{ .Values.verify.clientCASecret }}
{{- end }}
{{- end }}

{{- define "apitoken.verifyMounts" -}}
{{- range include "apitoken.verifyVolumes" . | fromYamlArray }}
- name: {{ .name }}
  mountPath: /etc/apitoken-operator/{{ trimPrefix "verify-" .name }}
  readOnly: true
{{- end }}
{{- end }}

{{/* Other labels than the operator's, whose Services must not lead to the portal. */}}
{{- define "apitoken.portalSelectorLabels" -}}
app.kubernetes.io/name: {{ include "apitoken.name" . }}-portal
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "apitoken.portalLabels" -}}
{{- merge (include "apitoken.portalSelectorLabels" . | fromYaml) (dict "app.kubernetes.io/component" "portal") (include "apitoken.labels" . | fromYaml) | toYaml }}
{{- end }}

{{/* The Secrets that the portal reads as files, as volumes of its pod. */}}
{{- define "apitoken.portalSecrets" -}}
{{- $oidc := has "oidc" .Values.portal.auth }}
{{- with .Values.portal.tlsSecret }}
- name: tls
  secret:
    secretName: {{ . }}
{{- end }}
{{- if and $oidc .Values.portal.oidc.clientSecret }}
- name: oidc-client
  secret:
    secretName: {{ .Values.portal.oidc.clientSecret }}
{{- end }}
{{- if and $oidc .Values.portal.oidc.caSecret }}
- name: oidc-ca
  secret:
    secretName: {{ .Values.portal.oidc.caSecret }}
{{- end }}
{{- end }}
