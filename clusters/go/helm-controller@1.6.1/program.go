//go:build program

// Package program pins helm-controller 1.6.1 so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/fluxcd/helm-controller"
