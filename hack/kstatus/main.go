// Reads objects as JSON from standard input and prints a line for each: the status by kstatus, as
// Flux, `helm --wait` of Helm 4 and others see it; the result of each CEL expression among the
// arguments, as Flux evaluates healthCheckExprs (true, false, or unknown if it names a field that
// is absent); and kstatus' message. Called by hack/kstatus.sh; asks no cluster.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func main() {
	programs, err := compile(os.Args[1:])
	if err == nil {
		err = report(os.Stdin, os.Stdout, programs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

// compile gives expressions the top-level fields of the object as variables.
func compile(expressions []string) ([]cel.Program, error) {
	var variables []cel.EnvOption
	for _, name := range []string{"apiVersion", "kind", "metadata", "spec", "status"} {
		variables = append(variables, cel.Variable(name, cel.DynType))
	}
	environment, err := cel.NewEnv(variables...)
	if err != nil {
		return nil, err
	}
	var programs []cel.Program
	for _, expression := range expressions {
		tree, issues := environment.Compile(expression)
		if issues.Err() != nil {
			return nil, issues.Err()
		}
		program, err := environment.Program(tree)
		if err != nil {
			return nil, err
		}
		programs = append(programs, program)
	}
	return programs, nil
}

func report(from io.Reader, to io.Writer, programs []cel.Program) error {
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
		line := []string{result.Status.String()}
		for _, program := range programs {
			line = append(line, evaluate(program, object.Object))
		}
		fmt.Fprintln(to, strings.Join(append(line, result.Message), "\t"))
	}
}

func evaluate(program cel.Program, object map[string]any) string {
	value, _, err := program.Eval(object)
	if err != nil {
		return "unknown"
	}
	return fmt.Sprint(value.Value())
}
