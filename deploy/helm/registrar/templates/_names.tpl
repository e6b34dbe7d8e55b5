{{/* The release's name, with the chart's where that is not in it. */}}
{{- define "registrar.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains "registrar" $name) }}{{ $name = printf "%s-registrar" $name }}{{ end -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* What pods are chosen by: root, component. */}}
{{- define "registrar.selector" -}}
app.kubernetes.io/name: registrar
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "registrar.labels" -}}
{{ include "registrar.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: registrar-{{ .root.Chart.Version }}
{{- end }}

{{/* root, component, name of the ConfigMap. Refuses what could not run. */}}
{{- define "registrar.configuration" -}}
{{- $configuration := .root.Values.configuration -}}
{{- if and $configuration.existingConfigMap $configuration.file }}{{ fail "configuration.file and configuration.existingConfigMap are both set: choose one" }}{{ end -}}
{{- $configuration.existingConfigMap | default .own -}}
{{- end }}
