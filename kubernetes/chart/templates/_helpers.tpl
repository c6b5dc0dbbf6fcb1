{{/* Labels of every object. Call it with the name of a component: (list . "hub"). */}}
{{- define "mosshub.labels" -}}
app.kubernetes.io/part-of: {{ (index . 0).Release.Name }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
{{ include "mosshub.selector" . }}
{{- end }}

{{- define "mosshub.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
component: {{ index . 1 }}
{{- end }}

{{/* What Pod Security's level `restricted` asks of a pod, and what all pods of the platform share. */}}
{{- define "mosshub.pod" -}}
automountServiceAccountToken: false
# The addresses of all services would be variables such as KAFKA_PORT, which mean something else.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "mosshub.container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* A pod leaves a node that does not answer after half a minute instead of five. */}}
{{- define "mosshub.nodeLost" -}}
tolerations:
  - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 20}
  - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 20}
{{- end }}

{{/* The replicas of a component go to different nodes, where there are some: (list . "kafka"). */}}
{{- define "mosshub.apart" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "mosshub.selector" . | nindent 8 }}
{{- end }}

{{/* One setting as the text of an environment variable. */}}
{{- define "mosshub.setting" -}}
{{- if kindIs "bool" . }}{{ ternary "yes" "no" . }}
{{- else if kindIs "slice" . }}{{ join "," . }}
{{- else if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}
{{- else }}{{ . }}{{ end }}
{{- end }}

{{- define "mosshub.subdomains" -}}
{{- if hasKey .Values.settings "SUBDOMAINS" }}{{ include "mosshub.setting" .Values.settings.SUBDOMAINS }}{{ else }}yes{{ end }}
{{- end }}

{{- define "mosshub.keys" -}}
{{ .Values.keysSecret | default "mosshub-keys" }}
{{- end }}

{{/* The brokers' addresses for users, and for the hub. */}}
{{- define "mosshub.bootstrap" -}}
{{ .Values.settings.KAFKA_BOOTSTRAP_SERVERS | default "kafka:9092" }}
{{- end }}
{{- define "mosshub.brokerAdmin" -}}
{{ .Values.settings.KAFKA_BOOTSTRAP_SERVERS | default "broker:9094" }}
{{- end }}

{{/* All secrets as files in /run/secrets, and the token of the API server where such a token is. */}}
{{- define "mosshub.secrets" -}}
- secret: {name: {{ include "mosshub.keys" . }}}
- secret: {name: {{ .Values.secret }}, optional: true}
{{- end }}
{{- define "mosshub.apiToken" -}}
- serviceAccountToken: {path: kubernetes.io/serviceaccount/token, expirationSeconds: 3607}
- configMap:
    name: kube-root-ca.crt
    items: [{key: ca.crt, path: kubernetes.io/serviceaccount/ca.crt}]
- downwardAPI:
    items:
      - path: kubernetes.io/serviceaccount/namespace
        fieldRef: {fieldPath: metadata.namespace}
{{- end }}
