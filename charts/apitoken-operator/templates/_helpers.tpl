{{- define "apitoken.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, unless it does not tell what this is. */}}
{{- define "apitoken.fullname" -}}
{{- $name := include "apitoken.name" . }}
{{- $default := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $default .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
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
{{- .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
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

{{/* Who issues JWTs: as told, else where they can be verified. */}}
{{- define "apitoken.issuer" -}}
{{- default (printf "https://%s.%s.svc:%d" (include "apitoken.fullname" .) .Release.Namespace (int .Values.verify.service.port)) .Values.issuer }}
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
