module plumbline.local/programs/flux-operator-cli

go 1.27.0

require github.com/controlplaneio-fluxcd/flux-operator v0.59.0

replace github.com/google/go-containerregistry/pkg/authn/kubernetes => github.com/google/go-containerregistry/pkg/authn/kubernetes v0.0.0-20260224031529-85f2bf5f7303
