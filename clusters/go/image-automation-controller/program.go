//go:build program

// Package program pins image-automation-controller so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/fluxcd/image-automation-controller"
