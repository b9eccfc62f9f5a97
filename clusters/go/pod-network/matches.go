package main

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// matches is what a rule lets pass, as matches of nft: each peer with each port.
func (c cluster) matches(rule rule, pod *core.Pod, namespace string, way direction) ([]string, error) {
	if len(rule.peers) == 0 {
		// Any address; a port's name means that of the pod itself, or of any pod.
		matches := portMatches(rule.ports, "", portsNamedBy(pod, way))
		if way == egress {
			for _, peer := range c.pods {
				matches = append(matches, namedMatches(rule.ports, "ip daddr "+peer.Status.PodIP, peer)...)
			}
		}
		return matches, nil
	}
	var matches []string
	for _, peer := range rule.peers {
		if peer.IPBlock != nil {
			matches = append(matches, portMatches(rule.ports, blockMatch(peer.IPBlock, way), portsNamedBy(pod, way))...)
			continue
		}
		pods, err := c.selected(peer, namespace)
		if err != nil {
			return nil, err
		}
		addresses := make([]string, 0, len(pods))
		for _, found := range pods {
			addresses = append(addresses, found.Status.PodIP)
			if way == egress {
				matches = append(matches, namedMatches(rule.ports, "ip daddr "+found.Status.PodIP, found)...)
			}
		}
		if len(addresses) > 0 {
			match := fmt.Sprintf("ip %s { %s }", way.other, strings.Join(addresses, ", "))
			matches = append(matches, portMatches(rule.ports, match, portsNamedBy(pod, way))...)
		}
	}
	return matches, nil
}

// selected is the pods that a peer means: of the policy's own namespace, unless it selects namespaces.
func (c cluster) selected(peer networking.NetworkPolicyPeer, namespace string) ([]*core.Pod, error) {
	among := map[string]bool{namespace: true}
	if peer.NamespaceSelector != nil {
		among = map[string]bool{}
		for _, candidate := range c.namespaces {
			selected, err := selects(peer.NamespaceSelector, candidate.Labels)
			if err != nil {
				return nil, err
			}
			among[candidate.Name] = selected
		}
	}
	var pods []*core.Pod
	for _, pod := range c.pods {
		if !among[pod.Namespace] {
			continue
		}
		if peer.PodSelector != nil {
			selected, err := selects(peer.PodSelector, pod.Labels)
			if err != nil {
				return nil, err
			}
			if !selected {
				continue
			}
		}
		pods = append(pods, pod)
	}
	return pods, nil
}

func blockMatch(block *networking.IPBlock, way direction) string {
	match := fmt.Sprintf("ip %s %s", way.other, block.CIDR)
	if len(block.Except) > 0 {
		match += fmt.Sprintf(" ip %s != { %s }", way.other, strings.Join(block.Except, ", "))
	}
	return match
}

// portsNamedBy is the pod whose names of ports count: on the way in the isolated pod's, on the way out that of a peer, which has a
// match of its own.
func portsNamedBy(pod *core.Pod, way direction) *core.Pod {
	if way == ingress {
		return pod
	}
	return nil
}

// portMatches extends a match by each port: without a port there is only the match itself.
func portMatches(ports []networking.NetworkPolicyPort, match string, names *core.Pod) []string {
	if len(ports) == 0 {
		if match == "" {
			// Everything; nft wants some match, and this is one that no packet fails.
			match = "meta nfproto ipv4"
		}
		return []string{match}
	}
	var matches []string
	for _, port := range ports {
		protocol := protocolOf(port)
		switch {
		case port.Port == nil:
			matches = append(matches, strings.TrimSpace(match+" meta l4proto "+protocol))
		case port.Port.Type == intstr.String:
			if names != nil {
				matches = append(matches, namedMatches([]networking.NetworkPolicyPort{port}, match, names)...)
			}
		default:
			matches = append(matches, strings.TrimSpace(fmt.Sprintf("%s %s dport %s", match, protocol, numbers(port))))
		}
	}
	return matches
}

// numbers is a port, or a range of ports.
func numbers(port networking.NetworkPolicyPort) string {
	first := port.Port.IntVal
	if port.EndPort != nil && *port.EndPort > first {
		return fmt.Sprintf("%d-%d", first, *port.EndPort)
	}
	return fmt.Sprint(first)
}

// namedMatches extends a match by each port that is given by a name, as the containers of a pod name theirs.
func namedMatches(ports []networking.NetworkPolicyPort, match string, names *core.Pod) []string {
	var matches []string
	for _, port := range ports {
		if port.Port == nil || port.Port.Type != intstr.String {
			continue
		}
		for _, container := range slices.Concat(names.Spec.InitContainers, names.Spec.Containers) {
			for _, named := range container.Ports {
				if named.Name == port.Port.StrVal && strings.EqualFold(string(named.Protocol), protocolOf(port)) {
					matches = append(matches, strings.TrimSpace(fmt.Sprintf("%s %s dport %d", match, protocolOf(port), named.ContainerPort)))
				}
			}
		}
	}
	return matches
}

func protocolOf(port networking.NetworkPolicyPort) string {
	if port.Protocol == nil {
		return "tcp"
	}
	return strings.ToLower(string(*port.Protocol))
}
