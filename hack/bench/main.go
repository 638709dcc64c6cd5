// Bench is the load program of hack/bench.sh. It makes ApiTokens as fast as the API server accepts
// them. With "limit" it makes the operator's two writes itself, which no operator can beat; with
// "create" an operator makes them. All requests go through client-go without its rate limit. A run
// ends when a watch of this program has seen the last ApiToken turn Ready, so both kinds of run
// have the same observer. It prints one line: seconds from the first create.
//
// With "peer" it runs a plain Go operator on controller-runtime instead: see peer.go.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

type load struct {
	client    rest.Interface
	namespace string
	count     int
	inFlight  int
}

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "how to reach the API server")
	namespace := flag.String("namespace", "bench", "namespace of the load; made where it is missing")
	count := flag.Int("count", 3000, "how many ApiTokens")
	inFlight := flag.Int("in-flight", 16, "requests under way at once")
	deadline := flag.Duration("deadline", 5*time.Minute, "give up after this long")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "bench [flags] limit|create|cleanup|peer")
		flag.PrintDefaults()
	}
	flag.Parse()

	if flag.Arg(0) == "peer" {
		exitOn(runPeer(*kubeconfig))
		return
	}
	client, err := connect(*kubeconfig)
	exitOn(err)
	ctx, cancel := context.WithTimeout(context.Background(), *deadline)
	defer cancel()
	l := &load{client: client, namespace: *namespace, count: *count, inFlight: *inFlight}
	switch flag.Arg(0) {
	case "limit":
		exitOn(l.measure(ctx, l.mintRaw))
	case "create":
		exitOn(l.measure(ctx, l.createToken))
	case "cleanup":
		exitOn(l.cleanup(ctx))
	default:
		flag.Usage()
		os.Exit(2)
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func connect(kubeconfig string) (rest.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.UserAgent = "apitoken-bench"
	config.ContentConfig = rest.ContentConfig{
		ContentType: "application/json", AcceptContentTypes: "application/json",
		NegotiatedSerializer: rawJSON}
	return rest.UnversionedRESTClientFor(config)
}

// measure runs one task for each token, inFlight at once, and prints the seconds until a watch saw
// the last token Ready.
func (l *load) measure(ctx context.Context, task func(context.Context, string) error) error {
	if err := l.ensureNamespace(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done, err := l.watchReady(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range l.inFlight {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(l.count); i = next.Add(1) {
				if err := task(ctx, fmt.Sprintf("token-%05d", i)); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	workers.Wait()
	created := time.Since(start)
	select {
	case last := <-done:
		fmt.Printf("%.3f %.3f\n", last.Sub(start).Seconds(), created.Seconds())
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
