//go:build program

// Package program pins kube-controller-manager so that go.mod and go.sum cover its whole build.
package program

import _ "k8s.io/kubernetes/cmd/kube-controller-manager"
