package command

import (
	"encoding/json"
	"fmt"

	"github.com/assay-dev/assay/testdata/lab/images"
	"github.com/spf13/cobra"
)

func image(load loader) *cobra.Command {
	c := &cobra.Command{Use: "image", Short: "Make images and put them into the lab's registry", RunE: onlyCommands}
	c.AddCommand(imagePush(load))
	return c
}

func imagePush(load loader) *cobra.Command {
	var spec images.Spec
	var files []string
	var entrypoint, cmd string
	c := &cobra.Command{
		Use:   "push REF",
		Short: "Make an image and push it; print its reference with the digest",
		Long: `Make an image out of a base, root file systems and files, in this order, and push it.
The same input gives the same digest. A REF without a host goes to the lab's registry.`,
		Example: `  lab image push demo/web:1 --base busybox --file ./web:/web:0755 --entrypoint '["/web"]' --user 1000:1000
  lab image push demo/tools:1 --tar rootfs.tar.gz
  lab image push demo/web:2 --from demo/web:1 --env VERSION=2`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			for _, text := range files {
				file, err := images.ParseFile(text)
				if err != nil {
					return usageError{fmt.Errorf("--file %w", err)}
				}
				spec.Files = append(spec.Files, file)
			}
			var err error
			if spec.Entrypoint, err = words("--entrypoint", entrypoint); err != nil {
				return err
			}
			if spec.Cmd, err = words("--cmd", cmd); err != nil {
				return err
			}
			s, err := load()
			if err != nil {
				return err
			}
			reference, err := images.Push(s.Registry(), args[0], spec)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), reference)
			return nil
		},
	}
	c.Flags().StringVar(&spec.Base, "base", "", "start from a base: busybox (a shell, a user 1000, a writable /tmp)")
	c.Flags().StringVar(&spec.From, "from", "", "start from this image, of the lab's registry unless it names a host")
	c.Flags().StringArrayVar(&spec.Tars, "tar", nil, "root file system as a tar file, compressed or not (repeatable)")
	c.Flags().StringArrayVar(&files, "file", nil, "HOSTPATH:IMAGEPATH[:MODE], a file or a directory (repeatable)")
	c.Flags().StringVar(&entrypoint, "entrypoint", "", `entrypoint as JSON, for example '["/web"]'`)
	c.Flags().StringVar(&cmd, "cmd", "", `default arguments as JSON`)
	c.Flags().StringVar(&spec.User, "user", "", "user the image runs as, UID or UID:GID")
	c.Flags().StringVar(&spec.WorkDir, "workdir", "", "directory the image starts in")
	c.Flags().StringArrayVar(&spec.Env, "env", nil, "NAME=VALUE (repeatable)")
	return c
}

func words(flag, text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, usageError{fmt.Errorf(`%s %s is not a JSON list of strings, such as '["/bin/sh", "-c"]': %w`, flag, text, err)}
	}
	return list, nil
}
