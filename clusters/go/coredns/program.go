//go:build program

// Package program pins coredns so that go.mod and go.sum cover its whole build.
package program

import _ "github.com/coredns/coredns"
