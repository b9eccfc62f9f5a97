//go:build program

// Package program pins image-reflector-controller so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/fluxcd/image-reflector-controller"
