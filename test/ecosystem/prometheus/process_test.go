//go:build ecosystem

// Package prometheus passes the output of "linkaudit check --format prometheus", and
// the files of contrib/prometheus, to the real promtool, node_exporter and Prometheus,
// all on ports of the loopback device.
package prometheus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"linkaudit/test/ecosystem/stage"
	"linkaudit/test/tool"
)

func TestMain(m *testing.M) { os.Exit(stage.Main(m)) }

// client waits as long as a test does.
func client() *http.Client { return &http.Client{Timeout: tool.Patience(time.Minute)} }

// logged is the output of a process while it runs.
type logged struct {
	sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.buf.Write(b)
}

func (l *logged) String() string {
	l.Lock()
	defer l.Unlock()
	return l.buf.String()
}

// start runs a server on a free port until the test ends, and returns its address when
// path answers. arguments gets the address. Another process may take the port before
// the server does; then it tries another.
func start(t *testing.T, path string, program string, arguments func(address string) []string) string {
	t.Helper()
	for range 5 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()

		// The test's own context ends before its cleanups; the process must be gone
		// before its directory is removed.
		ctx, cancel := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, program, arguments(address)...)
		// If the tests are killed, so is the server.
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		log := &logged{}
		cmd.Stdout, cmd.Stderr = log, log
		cmd.WaitDelay = time.Second
		if err := cmd.Start(); err != nil {
			cancel()
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { cmd.Wait(); close(ended) }()
		stop := func() { cancel(); <-ended }
		if answers("http://"+address+path, ended) {
			t.Cleanup(stop)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("%s:\n%s", program, log)
				}
			})
			return address
		}
		stop()
		t.Logf("%s does not answer on %s:\n%s", program, address, log)
	}
	t.Fatalf("%s did not start", program)
	return ""
}

// answers waits until there is an answer, or the server has ended.
func answers(url string, ended <-chan struct{}) (yes bool) {
	tool.Until(time.Minute, func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		if resp, err := client().Get(url); err == nil {
			resp.Body.Close()
			yes = resp.StatusCode == http.StatusOK
		}
		return yes
	})
	return yes
}

// nodeExporter serves the files of a directory.
func nodeExporter(t *testing.T, dir string) string {
	t.Helper()
	stage.Need(t, map[string]string{"prometheus-node-exporter": "prometheus-node-exporter"})
	return start(t, "/metrics", "prometheus-node-exporter", func(address string) []string {
		return []string{"--web.listen-address=" + address, "--collector.disable-defaults",
			"--collector.textfile", "--collector.textfile.directory=" + dir}
	})
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := client().Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", url, resp.Status, err, body)
	}
	return string(body)
}

// api asks Prometheus' HTTP API, and returns its error.
func api(t *testing.T, address, path string, values url.Values, data any) error {
	t.Helper()
	resp, err := client().PostForm("http://"+address+"/api/v1/"+path, values)
	if path == "alerts" || path == "targets" {
		resp, err = client().Get("http://" + address + "/api/v1/" + path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s", answer.Error)
	}
	return json.Unmarshal(answer.Data, data)
}

// eventually waits until done returns "", otherwise the reason why not.
func eventually(t *testing.T, what string, done func() string) {
	t.Helper()
	why := ""
	if !tool.Until(time.Minute, func() bool { why = done(); return why == "" }) {
		t.Fatalf("waited in vain for %s: %s", what, why)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
