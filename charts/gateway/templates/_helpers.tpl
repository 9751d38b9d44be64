{{- define "gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "gateway.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gateway.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gateway.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: algoflow
{{- end -}}

{{- define "gateway.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gateway.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gateway.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "gateway.redisName" -}}
{{- printf "%s-redis" (include "gateway.fullname" .) -}}
{{- end -}}

{{/* More than one process may see the same user: hashes need a key that all of them have. */}}
{{- define "gateway.sharesHashes" -}}
{{- if or (eq .Values.mode "redis") (gt (int .Values.replicaCount) 1) -}}true{{- end -}}
{{- end -}}

{{/* Port of an endpoint host:port, else the default. Called with (list endpoint default). */}}
{{- define "gateway.port" -}}
{{- $endpoint := index . 0 | default "" | toString -}}
{{- $digits := regexFind "[0-9]+$" $endpoint -}}
{{- if $digits -}}{{- $digits -}}{{- else -}}{{- index . 1 -}}{{- end -}}
{{- end -}}

{{- define "gateway.grpcPort" -}}
{{- include "gateway.port" (list (dig "receivers" "otlp" "protocols" "grpc" "endpoint" "" (.Values.config | default dict)) 4317) -}}
{{- end -}}
{{- define "gateway.httpPort" -}}
{{- include "gateway.port" (list (dig "receivers" "otlp" "protocols" "http" "endpoint" "" (.Values.config | default dict)) 4318) -}}
{{- end -}}
{{- define "gateway.adminPort" -}}
{{- include "gateway.port" (list (dig "service" "telemetry" "admin" "endpoint" "" (.Values.config | default dict)) 8888) -}}
{{- end -}}

{{/* The address of Redis as the config has it. */}}
{{- define "gateway.redisUrl" -}}
{{- $redis := .Values.redis -}}
{{- if $redis.bundled.enabled -}}
{{- $login := ternary ":${env:REDIS_PASSWORD}@" "" (ne $redis.bundled.existingSecret.name "") -}}
{{- printf "redis://%s%s:6379/0" $login (include "gateway.redisName" .) -}}
{{- else if $redis.existingSecret.name -}}
${env:REDIS_URL}
{{- else -}}
{{- $redis.url -}}
{{- end -}}
{{- end -}}

{{/* The gateway's whole config. */}}
{{- define "gateway.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $queue := dict "type" .Values.mode -}}
{{- if eq .Values.mode "embedded" -}}
{{- $_ := set $queue "path" "/var/lib/algoflow-gateway/queue" -}}
{{- else -}}
{{- $_ := set $queue "url" (include "gateway.redisUrl" .) -}}
{{- end -}}
{{- $_ := set $config "queue" (merge $queue (default dict $config.queue)) -}}
{{- $service := default dict $config.service -}}
{{- $telemetry := default dict $service.telemetry -}}
{{- $admin := merge (default dict $telemetry.admin) (dict "endpoint" "0.0.0.0:8888") -}}
{{- $logs := merge (default dict $telemetry.logs) (dict "encoding" "json") -}}
{{- $_ := set $telemetry "admin" $admin -}}
{{- $_ := set $telemetry "logs" $logs -}}
{{- $_ := set $service "telemetry" $telemetry -}}
{{- $_ := set $service "shutdown_timeout" (printf "%ds" (int .Values.drainSeconds)) -}}
{{- $_ := set $config "service" $service -}}
{{- $hashing := dig "processors" "hashing" false $config -}}
{{- if and (kindIs "map" $hashing) (hasKey .Values.secrets.env "HASH_KEY") (not (hasKey $hashing "key")) -}}
{{- $_ := set $hashing "key" "${env:HASH_KEY}" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Environment of the gateway's containers. */}}
{{- define "gateway.env" -}}
{{- range $name, $value := .Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range $name, $from := .Values.secrets.env }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.name }}
      key: {{ $from.key }}
{{- end }}
{{- if eq .Values.mode "redis" }}
{{- if and .Values.redis.bundled.enabled .Values.redis.bundled.existingSecret.name }}
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .Values.redis.bundled.existingSecret.name }}
      key: {{ .Values.redis.bundled.existingSecret.key }}
{{- else if .Values.redis.existingSecret.name }}
- name: REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.redis.existingSecret.name }}
      key: {{ .Values.redis.existingSecret.key }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A pod of the gateway. Called with (dict "root" $ "component" "gateway"|"worker" "resources" ...). */}}
{{- define "gateway.pod" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
metadata:
  annotations:
    checksum/config: {{ include "gateway.config" $root | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- include "gateway.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    algoflow.io/metrics: "true"
spec:
  serviceAccountName: {{ include "gateway.serviceAccount" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  # Longer than the pause before SIGTERM and the drain together: the gateway is never killed while it drains.
  terminationGracePeriodSeconds: {{ add (int $values.preStopSeconds) (int $values.drainSeconds) 10 }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml $values.podSecurityContext | nindent 4 }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
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
  {{- if $values.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: {{ $values.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "gateway.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $.component }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "gateway.image" $root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      {{- $isWorker := eq .component "worker" }}
      args: [{{ ternary "worker" "start" $isWorker }}, --config, /etc/algoflow-gateway/gateway.yaml{{ if and $values.worker.enabled (not $isWorker) }}, --receive-only{{ end }}]
      workingDir: /var/lib/algoflow-gateway
      {{- with include "gateway.env" $root }}
      env:
        {{- . | nindent 8 }}
      {{- end }}
      ports:
        {{- if eq .component "gateway" }}
        - {name: otlp-grpc, containerPort: {{ include "gateway.grpcPort" $root }}, protocol: TCP}
        - {name: otlp-http, containerPort: {{ include "gateway.httpPort" $root }}, protocol: TCP}
        {{- end }}
        - {name: admin, containerPort: {{ include "gateway.adminPort" $root }}, protocol: TCP}
        {{- range $values.extraPorts }}
        - {name: {{ .name }}, containerPort: {{ .port }}, protocol: TCP}
        {{- end }}
      startupProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 5
        failureThreshold: {{ div (add (int $values.probes.startupSeconds) 4) 5 }}
      livenessProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: {{ $values.probes.readiness | quote }}, port: admin}
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      lifecycle:
        preStop:
          exec: {command: [sleep, {{ $values.preStopSeconds | quote }}]}
      securityContext:
        {{- toYaml $values.securityContext | nindent 8 }}
      resources:
        {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/algoflow-gateway, readOnly: true}
        - {name: data, mountPath: /var/lib/algoflow-gateway}
        - {name: tmp, mountPath: /tmp}
        {{- range $name, $from := $values.secrets.files }}
        - {name: secret-{{ $name }}, mountPath: /run/secrets/algoflow/{{ $name }}, readOnly: true}
        {{- end }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "gateway.fullname" $root }}
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    {{- if or (eq $values.mode "redis") (eq .component "worker") }}
    - name: data
      emptyDir: {sizeLimit: 1Gi}
    {{- end }}
    {{- range $name, $from := $values.secrets.files }}
    - name: secret-{{ $name }}
      secret:
        secretName: {{ $from.name }}
        defaultMode: 0440
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
