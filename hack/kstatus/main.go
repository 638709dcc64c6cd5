// Reads objects as JSON from standard input, one after the other, and prints for each what kstatus makes of it: status, tab, message.
// That is what Flux, `helm --wait` of Helm 4 and other users of kstatus see. Called by hack/kstatus.sh; asks no cluster.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func main() {
	if err := report(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

func report(from io.Reader, to io.Writer) error {
	decoder := json.NewDecoder(from)
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var object unstructured.Unstructured // keeps whole numbers whole, as kstatus asks
		if err := object.UnmarshalJSON(raw); err != nil {
			return err
		}
		result, err := status.Compute(&object)
		if err != nil {
			return err
		}
		fmt.Fprintf(to, "%s\t%s\n", result.Status, result.Message)
	}
}
