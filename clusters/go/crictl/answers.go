package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// shownDigits is how much of an id is shown in a list.
const shownDigits = 13

func (n node) listImages(ctx context.Context) error {
	answer, err := n.images.ListImages(ctx, &runtime.ListImagesRequest{})
	if err != nil {
		return err
	}
	return table(n, "IMAGE\tID\tSIZE", answer.Images, func(image *runtime.Image) string {
		names := strings.Join(append(image.RepoTags, image.RepoDigests...), " ")
		return fmt.Sprintf("%s\t%s\t%d", names, short(image.Id), image.Size)
	})
}

// inspectImage prints the fields of an image's status that kind reads.
func (n node) inspectImage(ctx context.Context, name string) error {
	answer, err := n.images.ImageStatus(ctx, &runtime.ImageStatusRequest{Image: &runtime.ImageSpec{Image: name}})
	if err != nil {
		return err
	}
	if answer.Image == nil {
		return fmt.Errorf("no such image %q present", name)
	}
	status := map[string]any{
		"id":          answer.Image.Id,
		"repoTags":    answer.Image.RepoTags,
		"repoDigests": answer.Image.RepoDigests,
		"size":        fmt.Sprint(answer.Image.Size),
	}
	encoder := json.NewEncoder(n.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"status": status})
}

func (n node) listPods(ctx context.Context) error {
	answer, err := n.containers.ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{})
	if err != nil {
		return err
	}
	return table(n, "POD ID\tSTATE\tNAMESPACE\tNAME", answer.Items, func(pod *runtime.PodSandbox) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s", short(pod.Id), pod.State, pod.Metadata.Namespace, pod.Metadata.Name)
	})
}

func (n node) listContainers(ctx context.Context) error {
	answer, err := n.containers.ListContainers(ctx, &runtime.ListContainersRequest{})
	if err != nil {
		return err
	}
	return table(n, "CONTAINER\tSTATE\tNAME\tNAMESPACE\tPOD", answer.Containers, func(container *runtime.Container) string {
		labels := container.Labels
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", short(container.Id), container.State, container.Metadata.Name,
			labels["io.kubernetes.pod.namespace"], labels["io.kubernetes.pod.name"])
	})
}

func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(len(id), shownDigits)]
}

// table prints a line for each row, in columns.
func table[Row any](n node, heading string, rows []Row, line func(Row) string) error {
	writer := tabwriter.NewWriter(n.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(writer, heading)
	for _, row := range rows {
		fmt.Fprintln(writer, line(row))
	}
	return writer.Flush()
}
