// Command pod-network joins the pods of a node with those of the cluster's other nodes by routes, and enforces NetworkPolicies
// on its own by packet filter rules. No engine for network policies is to be had as a Go module. A connection that is open
// when a policy comes stays open.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: pod-network KUBECONFIG... (the first that is there counts)")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, firstPresent(os.Args[1:])); err != nil {
		fmt.Fprintln(os.Stderr, "pod-network:", err)
		os.Exit(1)
	}
}

// firstPresent is the first of the files that is there, or the last.
func firstPresent(files []string) string {
	for _, file := range files {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return files[len(files)-1]
}

// serve keeps routes and rules as the cluster wants them, until the context ends or something fails.
func serve(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	self, err := os.Hostname()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	policies := factory.Networking().V1().NetworkPolicies()
	pods := factory.Core().V1().Pods()
	namespaces := factory.Core().V1().Namespaces()
	nodes := factory.Core().V1().Nodes()

	// One message stands for any number of changes.
	changed := make(chan struct{}, 1)
	notice := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notice() },
		UpdateFunc: func(any, any) { notice() },
		DeleteFunc: func(any) { notice() },
	}
	informers := []cache.SharedIndexInformer{nodes.Informer(), policies.Informer(), pods.Informer(), namespaces.Informer()}
	for _, informer := range informers {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	notice()
	var applied string
	var settled surroundings
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		all, err := nodes.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		if around := surroundingsOf(self, all); !around.equal(settled) {
			if err := around.settle(ctx); err != nil {
				return err
			}
			settled = around
		}
		var seen cluster
		if seen.policies, err = policies.Lister().List(labels.Everything()); err != nil {
			return err
		}
		if seen.pods, err = pods.Lister().List(labels.Everything()); err != nil {
			return err
		}
		if seen.namespaces, err = namespaces.Lister().List(labels.Everything()); err != nil {
			return err
		}
		rules, err := seen.rules()
		if err != nil {
			return err
		}
		if rules == applied {
			continue
		}
		if err := apply(ctx, rules); err != nil {
			return err
		}
		applied = rules
	}
}

// apply replaces the rules of before by these, all at once.
func apply(ctx context.Context, rules string) error {
	command := exec.CommandContext(ctx, "nft", "--file", "-")
	command.Stdin = strings.NewReader(rules)
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft refuses the rules (%w): %s\n%s", err, said, rules)
	}
	return nil
}
