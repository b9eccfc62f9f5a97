module plumbline.local/programs/kyverno

go 1.26

require github.com/kyverno/kyverno v1.18.2

replace (
	k8s.io/pod-security-admission v0.34.1 => github.com/kyverno/pod-security-admission v0.0.0-20251031094455-46f20778634f
)
