package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

type event struct {
	Type   string
	Object struct {
		Metadata struct{ Name, ResourceVersion string }
		Status   struct {
			Conditions []struct{ Type, Status string }
		}
	}
}

func (e *event) ready() bool {
	for _, condition := range e.Object.Status.Conditions {
		if condition.Type == "Ready" {
			return condition.Status == "True"
		}
	}
	return false
}

// watchReady begins a watch on the namespace's ApiTokens and returns a channel that gets the moment
// at which the last of them was seen Ready. If the server ends the watch, it resumes there.
func (l *load) watchReady(ctx context.Context) (<-chan time.Time, error) {
	answer, err := l.client.Get().AbsPath(l.tokens()).Param("limit", "1").DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	var list struct {
		Metadata struct{ ResourceVersion string }
		Items    []json.RawMessage
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, err
	}
	if len(list.Items) > 0 {
		return nil, fmt.Errorf("namespace %s already holds ApiTokens", l.namespace)
	}
	stream, err := l.openWatch(ctx, list.Metadata.ResourceVersion)
	if err != nil {
		return nil, err
	}
	done := make(chan time.Time, 1)
	go l.followWatch(ctx, stream, list.Metadata.ResourceVersion, done)
	return done, nil
}

func (l *load) openWatch(ctx context.Context, version string) (io.ReadCloser, error) {
	request := l.client.Get().AbsPath(l.tokens()).Param("watch", "true")
	return request.Param("resourceVersion", version).Stream(ctx)
}

func (l *load) followWatch(
	ctx context.Context, stream io.ReadCloser, version string, done chan<- time.Time,
) {
	ready := make(map[string]bool, l.count)
	for ctx.Err() == nil {
		lines := bufio.NewScanner(stream)
		lines.Buffer(make([]byte, 1<<16), 1<<24)
		for lines.Scan() {
			// Only events that may matter are decoded, so that the observer takes little of the machine.
			if !strings.Contains(lines.Text(), `"type":"Ready"`) {
				continue
			}
			var e event
			if json.Unmarshal(lines.Bytes(), &e) != nil || !e.ready() {
				continue
			}
			version = e.Object.Metadata.ResourceVersion
			ready[e.Object.Metadata.Name] = true
			if len(ready) == l.count {
				done <- time.Now()
				stream.Close()
				return
			}
		}
		stream.Close()
		var err error
		if stream, err = l.openWatch(ctx, version); err != nil {
			exitOn(err)
		}
	}
}
