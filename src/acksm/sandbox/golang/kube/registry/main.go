// The sandbox's registry: go-containerregistry's, which by itself takes a push from anyone. Here whoever writes has to
// show the password in REGISTRY_PASSWORD, and whoever asks has to call it by a name of loopback: a page whose own
// name leads to 127.0.0.1 (DNS rebinding) is refused.
package main

import (
	"crypto/subtle"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func guarded(next http.Handler, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		local := err == nil && (host == "127.0.0.1" || host == "localhost")
		if !local || r.Header.Get("Origin") != "" {
			http.Error(w, "only for programs of this machine", http.StatusForbidden)
			return
		}
		_, given, _ := r.BasicAuth()
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !reads && subtle.ConstantTimeCompare([]byte(given), []byte(password)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="acksm sandbox"`)
			http.Error(w, "pushes need the sandbox's credentials", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func main() {
	password := os.Getenv("REGISTRY_PASSWORD")
	if len(os.Args) != 2 || password == "" {
		log.Fatal("usage: REGISTRY_PASSWORD=… registry 127.0.0.1:PORT")
	}
	server := &http.Server{
		Addr:              os.Args[1],
		Handler:           guarded(registry.New(), password),
		ReadHeaderTimeout: 5 * time.Second,
	}
	log.Fatal(server.ListenAndServe())
}
