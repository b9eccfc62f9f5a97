module plumbline.local/programs/trivy-db

go 1.24.0

require github.com/aquasecurity/trivy-db v0.0.0-20260813095258-0e0340a01b57
