//go:build program

// Package program pins kind so that go.mod and go.sum cover its whole build.
package program

import _ "sigs.k8s.io/kind"
