//go:build program

// Package program pins kube-scheduler so that go.mod and go.sum cover its whole build.
package program

import _ "k8s.io/kubernetes/cmd/kube-scheduler"
