module plumbline.local/programs/trivy

go 1.25.6

require github.com/aquasecurity/trivy v0.69.3
