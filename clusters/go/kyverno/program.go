//go:build program

// Package program pins kyverno so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/kyverno/kyverno/cmd/kyverno"
