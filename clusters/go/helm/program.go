//go:build program

// Package program pins helm so that go.mod and go.sum cover its whole build.
package program

import _ "helm.sh/helm/v3/cmd/helm"
