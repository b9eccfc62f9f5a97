//go:build program

// Package program pins cosign so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/sigstore/cosign/v3/cmd/cosign"
