//go:build program

// Package program pins trivy-db so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/aquasecurity/trivy-db/cmd/trivy-db"
