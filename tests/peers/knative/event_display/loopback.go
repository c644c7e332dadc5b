// The one thing that Knative's event_display has no setting for: where it listens.
//
// build.sh compiles this file together with Knative's own main.go, into which it puts one line, the call of this
// function. Without it the program takes port 8080 of every interface, which one test at a time could have.

package main

import (
	"log"
	"net"
	"os"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// onLoopback makes the receiver listen on port $PORT of the loopback interface.
func onLoopback() cehttp.Option {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		log.Fatal("Failed to listen: ", err)
	}
	return cehttp.WithListener(listener)
}
