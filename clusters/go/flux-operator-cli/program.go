//go:build program

// Package program pins flux-operator-cli so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/controlplaneio-fluxcd/flux-operator/cmd/cli"
