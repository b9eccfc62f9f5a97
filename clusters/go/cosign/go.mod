module plumbline.local/programs/cosign

go 1.25.0

require github.com/sigstore/cosign/v2 v2.6.2
