// Command crictl answers the questions that kind, and a person on a node, ask containerd by the container runtime
// interface. The real one is not to be had as a Go module; this one has the subcommands that are needed, and prints what
// the real one prints as far as kind reads it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	endpoint = "unix:///run/containerd/containerd.sock"
	deadline = 30 * time.Second
	usage    = "usage: crictl images | inspecti IMAGE | pods | ps"
)

// node is the container runtime of this node.
type node struct {
	images     runtime.ImageServiceClient
	containers runtime.RuntimeServiceClient
	out        io.Writer
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		os.Exit(1)
	}
}

func run(arguments []string, out io.Writer) error {
	connection, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	here := node{
		images:     runtime.NewImageServiceClient(connection),
		containers: runtime.NewRuntimeServiceClient(connection),
		out:        out,
	}
	switch command := strings.Join(arguments, " "); {
	case command == "images":
		return here.listImages(ctx)
	case command == "pods":
		return here.listPods(ctx)
	case command == "ps":
		return here.listContainers(ctx)
	case len(arguments) == 2 && arguments[0] == "inspecti":
		return here.inspectImage(ctx, arguments[1])
	default:
		return fmt.Errorf("cannot do %q; %s", command, usage)
	}
}
