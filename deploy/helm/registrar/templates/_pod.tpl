{{/*
The pod of a worker or of the set-up. root, component, args, database (existingSecret and key), configMap, resources; of workers
also heapMiB.
*/}}
{{- define "registrar.pod" -}}
{{- $values := .root.Values -}}
{{- $tls := $values.temporal.tls -}}
{{- $apiKey := $values.temporal.apiKey -}}
{{- $versioning := $values.workerVersioning -}}
{{- $isWorker := hasKey . "heapMiB" -}}
{{- if or $tls.authority $tls.clientCertificate }}{{ $_ := required "temporal.tls.existingSecret is not set: the Secret with ca.crt, or with tls.crt and tls.key" $tls.existingSecret }}{{ end -}}
metadata:
  labels:
    {{- include "registrar.labels" (dict "root" .root "component" .component) | nindent 4 }}
  {{- with $values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if $isWorker }}
  serviceAccountName: {{ include "registrar.name" .root }}
  # The worker lets activities end for up to 25 seconds and then closes its connections.
  terminationGracePeriodSeconds: 40
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "registrar.selector" (dict "root" .root "component" .component) | nindent 10 }}
  {{- else }}
  restartPolicy: Never
  {{- end }}
  # Nothing here talks to Kubernetes.
  automountServiceAccountToken: false
  # A Service named temporal would set variables that begin with TEMPORAL_.
  enableServiceLinks: false
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    seccompProfile: { type: RuntimeDefault }
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: registrar
      image: {{ printf "%s:%s" $values.image.repository ($values.image.tag | default .root.Chart.AppVersion) | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: {{ toJson .args }}
      env:
        - { name: REGISTRAR_CONFIG, value: /etc/registrar/registrar.yml }
        - { name: REGISTRAR_LOG_LEVEL, value: {{ $values.logLevel | quote }} }
        - { name: DATABASE_URL_FILE, value: /run/secrets/database/url }
        - { name: TEMPORAL_ADDRESS, value: {{ required "temporal.address is not set: host:port of the Temporal server" $values.temporal.address | quote }} }
        - { name: TEMPORAL_NAMESPACE, value: {{ $values.temporal.namespace | quote }} }
        {{- with $values.temporal.uiUrl }}
        - { name: TEMPORAL_UI_URL, value: {{ . | quote }} }
        {{- end }}
        {{- if $apiKey.existingSecret }}
        - { name: TEMPORAL_API_KEY_FILE, value: /run/secrets/temporal-api-key/key }
        {{- end }}
        {{- if $tls.enabled }}
        - { name: TEMPORAL_TLS, value: 'true' }
        {{- end }}
        {{- with $tls.serverName }}
        - { name: TEMPORAL_TLS_SERVER_NAME, value: {{ . | quote }} }
        {{- end }}
        {{- if $tls.authority }}
        - { name: TEMPORAL_TLS_SERVER_CA_CERT_PATH, value: /run/secrets/temporal-tls/ca.crt }
        {{- end }}
        {{- if $tls.clientCertificate }}
        - { name: TEMPORAL_TLS_CLIENT_CERT_PATH, value: /run/secrets/temporal-tls/tls.crt }
        - { name: TEMPORAL_TLS_CLIENT_KEY_PATH, value: /run/secrets/temporal-tls/tls.key }
        {{- end }}
        {{- if $isWorker }}
        - { name: REGISTRAR_HTTP_ADDRESS, value: '0.0.0.0:9464' }
        - { name: NODE_OPTIONS, value: '--max-old-space-size={{ .heapMiB }}' }
        {{- with $values.monitoring.otlpEndpoint }}
        - { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }} }
        {{- end }}
        {{- if or $versioning.deploymentName $versioning.buildId }}
        - { name: TEMPORAL_DEPLOYMENT_NAME, value: {{ required "workerVersioning.deploymentName is not set, but buildId is: both or none" $versioning.deploymentName | quote }} }
        - { name: TEMPORAL_WORKER_BUILD_ID, value: {{ required "workerVersioning.buildId is not set, but deploymentName is: both or none" $versioning.buildId | quote }} }
        {{- end }}
        {{- end }}
        {{- if not $isWorker }}
        {{- with $values.database.workerRole }}
        - { name: REGISTRAR_WORKER_ROLE, value: {{ . | quote }} }
        {{- end }}
        {{- end }}
        {{- range $values.secrets.names }}
        - { name: {{ . }}_FILE, value: /run/secrets/registrar/{{ . }} }
        {{- end }}
        {{- with $values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if $isWorker }}
      ports:
        - { name: metrics, containerPort: 9464 }
      # Served before Temporal is reached: a worker that waits for it is not killed for that.
      startupProbe:
        httpGet: { path: /livez, port: metrics }
        periodSeconds: 2
        failureThreshold: 30
      livenessProbe:
        httpGet: { path: /livez, port: metrics }
        periodSeconds: 10
        timeoutSeconds: 5
      readinessProbe:
        httpGet: { path: /readyz, port: metrics }
        periodSeconds: 10
        timeoutSeconds: 5
      {{- end }}
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        # Folders, so that what Kubernetes replaces in them is seen without a restart.
        - { name: configuration, mountPath: /etc/registrar, readOnly: true }
        - { name: database, mountPath: /run/secrets/database, readOnly: true }
        {{- if $values.secrets.existingSecret }}
        - { name: secrets, mountPath: /run/secrets/registrar, readOnly: true }
        {{- end }}
        {{- if $apiKey.existingSecret }}
        - { name: temporal-api-key, mountPath: /run/secrets/temporal-api-key, readOnly: true }
        {{- end }}
        {{- if $tls.existingSecret }}
        - { name: temporal-tls, mountPath: /run/secrets/temporal-tls, readOnly: true }
        {{- end }}
        - { name: tmp, mountPath: /tmp }
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: configuration
      configMap: { name: {{ .configMap }} }
    - name: database
      secret:
        secretName: {{ .database.existingSecret }}
        defaultMode: 0440
        items: [{ key: {{ .database.key }}, path: url }]
    {{- with $values.secrets.existingSecret }}
    - name: secrets
      secret: { secretName: {{ . }}, defaultMode: 0440 }
    {{- end }}
    {{- if $apiKey.existingSecret }}
    - name: temporal-api-key
      secret:
        secretName: {{ $apiKey.existingSecret }}
        defaultMode: 0440
        items: [{ key: {{ $apiKey.key }}, path: key }]
    {{- end }}
    {{- with $tls.existingSecret }}
    - name: temporal-tls
      secret: { secretName: {{ . }}, defaultMode: 0440 }
    {{- end }}
    - name: tmp
      emptyDir: {}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
