//go:build program

// Package program pins kustomize-controller 1.9.1 so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/fluxcd/kustomize-controller"
