package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
)

// versionDocument is what version --output json prints.
type versionDocument struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Version    string `json:"version"`
	// CoreImage is the image of the same release, by digest; empty for a development build.
	CoreImage string `json:"coreImage"`
	Go        string `json:"go"`
	Platform  string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of assay and of the image that belongs to it",
		Example: "  assay version --output json",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			v := versionDocument{evidence.APIVersion, "Version", version, coreImage, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if a.output == "json" {
				return a.printJSON(v)
			}
			image := v.CoreImage
			if image == "" {
				image = "none: a development build takes --core-image"
			}
			return a.print(fmt.Sprintf("assay       %s\ncore image  %s\nbuilt with  %s for %s\n", v.Version, image, v.Go, v.Platform))
		},
	}
	a.outputFlag(c)
	return c
}
