//go:build program

// Package program pins crane so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/google/go-containerregistry/cmd/crane"
