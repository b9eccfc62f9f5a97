package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
)

const (
	// template is the configuration of a node's network, but for the range of addresses.
	template = "/kind/pod-network.conflist"
	// configuration is where containerd looks for it.
	configuration = "/etc/cni/net.d/10-node.conflist"
	// placeholder stands for the range in the template.
	placeholder = "@SUBNET@"
)

// neighbour is another node: the addresses of its pods, and the node's own.
type neighbour struct{ pods, address string }

// surroundings is what a node must know of the cluster: the range of its own pods, and where those of others are. It is not
// ready while the cluster has given no range to this node.
type surroundings struct {
	own        string
	neighbours []neighbour
}

func surroundingsOf(self string, nodes []*core.Node) surroundings {
	var found surroundings
	for _, node := range nodes {
		if node.Spec.PodCIDR == "" {
			continue
		}
		if node.Name == self {
			found.own = node.Spec.PodCIDR
			continue
		}
		for _, address := range node.Status.Addresses {
			if address.Type == core.NodeInternalIP && strings.Contains(address.Address, ".") {
				found.neighbours = append(found.neighbours, neighbour{node.Spec.PodCIDR, address.Address})
				break
			}
		}
	}
	slices.SortFunc(found.neighbours, func(one, other neighbour) int { return strings.Compare(one.pods, other.pods) })
	return found
}

func (s surroundings) equal(other surroundings) bool {
	return s.own == other.own && slices.Equal(s.neighbours, other.neighbours)
}

// settle configures the network of this node's pods, and the ways to those of its neighbours. A way stays when its node goes:
// kind takes none out of a cluster.
func (s surroundings) settle(ctx context.Context) error {
	if s.own == "" {
		return nil
	}
	if err := configure(s.own); err != nil {
		return err
	}
	for _, neighbour := range s.neighbours {
		if err := run(ctx, "ip", "route", "replace", neighbour.pods, "via", neighbour.address); err != nil {
			return err
		}
		// A policy at the other end looks at who sends: the pod's address must stay, where ptp would put the node's.
		rule := []string{"POSTROUTING", "--source", s.own, "--destination", neighbour.pods, "--jump", "ACCEPT"}
		check := append([]string{"--table", "nat", "--check"}, rule...)
		if run(ctx, "iptables", check...) == nil {
			continue
		}
		if err := run(ctx, "iptables", append([]string{"--table", "nat", "--insert"}, rule...)...); err != nil {
			return err
		}
	}
	return nil
}

// configure has containerd join the pods of this node with these addresses, unless it does.
func configure(subnet string) error {
	text, err := os.ReadFile(template)
	if err != nil {
		return err
	}
	text = bytes.ReplaceAll(text, []byte(placeholder), []byte(subnet))
	if present, err := os.ReadFile(configuration); err == nil && bytes.Equal(present, text) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Renamed into place: containerd reads what it is told of at once. It takes no notice of names that begin with a dot.
	unfinished := filepath.Join(filepath.Dir(configuration), ".unfinished")
	if err := os.WriteFile(unfinished, text, 0o644); err != nil {
		return err
	}
	return os.Rename(unfinished, configuration)
}

func run(ctx context.Context, program string, arguments ...string) error {
	if said, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s (%w): %s", program, strings.Join(arguments, " "), err, said)
	}
	return nil
}
