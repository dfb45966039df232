// The cache of Argo CD: miniredis, which speaks redis's protocol, because a machine with Go need not have a redis.
// Nothing in it is kept; whoever connects has to show the password in REDIS_PASSWORD.
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
		log.Fatal("usage: REDIS_PASSWORD=… cache 127.0.0.1:PORT")
	}
	server := miniredis.NewMiniRedis()
	server.RequireAuth(password)
	if err := server.StartAddr(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	// miniredis has no clock of its own: what expires does so when it is told how much time has passed.
	for range time.Tick(time.Second) {
		server.FastForward(time.Second)
	}
}
