//go:build program

// Package program pins etcd so that go.mod and go.sum cover its whole build.
package program

import _ "go.etcd.io/etcd/server/v3"
