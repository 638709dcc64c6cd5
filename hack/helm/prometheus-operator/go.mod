// Pins the kinds ServiceMonitor, PodMonitor and PrometheusRule, which hack/helm.sh takes from the module as files. No code of it is built.
module kinds

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
