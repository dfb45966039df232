// The cache that Argo CD's programs share: miniredis, Redis's protocol in memory, which ends with its process.
package main

import (
	"log"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	password := os.Getenv("REDIS_PASSWORD")
	if len(os.Args) != 2 || password == "" {
		log.Fatal("usage: REDIS_PASSWORD=… argocd-cache 127.0.0.1:PORT")
	}
	server := miniredis.NewMiniRedis()
	server.RequireAuth(password)
	if err := server.StartAddr(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	for { // by itself its keys never expire
		time.Sleep(time.Second)
		server.FastForward(time.Second)
	}
}
