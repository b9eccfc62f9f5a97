//go:build program

// Package program pins trivy so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/aquasecurity/trivy/cmd/trivy"
