package main

import (
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// cluster is what rules are made of.
type cluster struct {
	policies   []*networking.NetworkPolicy
	pods       []*core.Pod
	namespaces []*core.Namespace
}

// direction is how packets go, as seen from a pod that policies isolate.
type direction struct {
	name string
	// self and other are the fields of a packet that hold the pod's own address and its peer's.
	self, other string
}

var (
	ingress = direction{name: "ingress", self: "daddr", other: "saddr"}
	egress  = direction{name: "egress", self: "saddr", other: "daddr"}
)

// rule is one that allows: peers that may be reached at, or may reach, these ports. Nil is any of them.
type rule struct {
	peers []networking.NetworkPolicyPeer
	ports []networking.NetworkPolicyPort
}

// rules is a script for nft: a chain for each pod and direction that policies isolate, which returns for what is allowed
// and drops the rest. What comes from the node itself, such as a probe, is always allowed.
func (c cluster) rules() (string, error) {
	chains := &strings.Builder{}
	jumps := map[string][]string{}
	pods := slices.DeleteFunc(slices.Clone(c.pods), func(pod *core.Pod) bool { return !hasAddress(pod) })
	slices.SortFunc(pods, func(one, other *core.Pod) int { return strings.Compare(one.Status.PodIP, other.Status.PodIP) })
	c.pods = pods
	for _, pod := range pods {
		for _, way := range []direction{egress, ingress} {
			allowed, isolated, err := c.allowed(pod, way)
			if err != nil {
				return "", err
			}
			if !isolated {
				continue
			}
			address := pod.Status.PodIP
			chain := way.name + "_" + strings.ReplaceAll(address, ".", "_")
			jumps[way.name] = append(jumps[way.name], fmt.Sprintf("%s : jump %s", address, chain))
			// A pod reaches itself, by way of a Service.
			fmt.Fprintf(chains, "  chain %s {\n    ip %s %s return\n", chain, way.other, address)
			for _, match := range allowed {
				fmt.Fprintf(chains, "    %s return\n", match)
			}
			fmt.Fprint(chains, "    drop\n  }\n")
		}
	}
	script := &strings.Builder{}
	// The first line makes the second possible where there is no table yet.
	fmt.Fprint(script, "table inet network_policy\ndelete table inet network_policy\ntable inet network_policy {\n")
	fmt.Fprint(script, chains)
	look := func(way direction) string {
		if len(jumps[way.name]) == 0 {
			return ""
		}
		return fmt.Sprintf("    ip %s vmap { %s }\n", way.self, strings.Join(jumps[way.name], ", "))
	}
	// What goes to the node itself does not pass the first.
	for _, hook := range []struct{ name, lookups string }{
		{"forward", look(egress) + look(ingress)},
		{"input", look(egress)},
	} {
		fmt.Fprintf(script, "  chain %s {\n    type filter hook %s priority filter; policy accept;\n", hook.name, hook.name)
		fmt.Fprintf(script, "    ct state established,related accept\n%s  }\n", hook.lookups)
	}
	fmt.Fprint(script, "}\n")
	return script.String(), nil
}

// hasAddress says whether a pod has an address of its own; that of one that has ended may be another's by now.
func hasAddress(pod *core.Pod) bool {
	ended := pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed
	return !ended && !pod.Spec.HostNetwork && strings.Contains(pod.Status.PodIP, ".")
}

// allowed is what may pass, as matches of nft, and whether anything is kept from passing at all.
func (c cluster) allowed(pod *core.Pod, way direction) (matches []string, isolated bool, err error) {
	for _, policy := range c.policies {
		if policy.Namespace != pod.Namespace {
			continue
		}
		selected, err := selects(&policy.Spec.PodSelector, pod.Labels)
		if err != nil {
			return nil, false, fmt.Errorf("NetworkPolicy %s/%s: %w", policy.Namespace, policy.Name, err)
		}
		rules, applies := rulesOf(policy, way)
		if !selected || !applies {
			continue
		}
		isolated = true
		for _, rule := range rules {
			found, err := c.matches(rule, pod, policy.Namespace, way)
			if err != nil {
				return nil, false, fmt.Errorf("NetworkPolicy %s/%s: %w", policy.Namespace, policy.Name, err)
			}
			matches = append(matches, found...)
		}
	}
	slices.Sort(matches)
	return slices.Compact(matches), isolated, nil
}

func rulesOf(policy *networking.NetworkPolicy, way direction) (rules []rule, applies bool) {
	if way == ingress {
		for _, from := range policy.Spec.Ingress {
			rules = append(rules, rule{peers: from.From, ports: from.Ports})
		}
		return rules, slices.Contains(policy.Spec.PolicyTypes, networking.PolicyTypeIngress)
	}
	for _, to := range policy.Spec.Egress {
		rules = append(rules, rule{peers: to.To, ports: to.Ports})
	}
	return rules, slices.Contains(policy.Spec.PolicyTypes, networking.PolicyTypeEgress)
}

func selects(selector *meta.LabelSelector, of map[string]string) (bool, error) {
	compiled, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, err
	}
	return compiled.Matches(labels.Set(of)), nil
}
