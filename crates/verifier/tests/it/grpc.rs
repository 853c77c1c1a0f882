//! gRPC through the tower layer, with a real HTTP/2 client: trailers-only answers.

use crate::issuer::{Issuer, key};
use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use countersign_verifier::Identity;
use h2::client::SendRequest;
use http::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

async fn serve(app: Router) -> SendRequest<Bytes> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let server = auto::Builder::new(TokioExecutor::new());
        drop(server.serve_connection(TokioIo::new(socket), TowerToHyperService::new(app)).await);
    });
    let (client, connection) =
        h2::client::handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn call(
    client: &SendRequest<Bytes>,
    path: &str,
    kind: &str,
    token: Option<&str>,
) -> (Response<()>, bool) {
    let mut request = Request::post(format!("http://localhost/{path}")).header("content-type", kind);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut client = client.clone().ready().await.unwrap();
    let (answer, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
    let answer = answer.await.unwrap();
    // The one header block ends the stream: that is what "trailers-only" means.
    let ended = answer.body().is_end_stream();
    (answer.map(drop), ended)
}

#[tokio::test]
async fn refusals_are_statuses_of_grpc() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = crate::feed::following(&issuer).await;
    let who = |who: Identity| async move { who.subject().to_owned() };
    let app: Router = Router::new()
        .route("/any", post(who).route_layer(verifier.require()))
        .route("/admin", post(who).route_layer(verifier.require().role("admin")));
    let client = serve(app).await;
    let token = issuer.token(&key);
    let status =
        |answer: &Response<()>| answer.headers().get("grpc-status").map(|v| v.to_str().unwrap().to_owned());

    let (answer, _) = call(&client, "any", "application/grpc", Some(&token)).await;
    assert_eq!((answer.status().as_u16(), status(&answer)), (200, None));
    for (path, token, code, message) in [
        ("any", None, "16", "no access token"),
        ("any", Some("x.y.z"), "16", ""),
        ("admin", Some(token.as_str()), "7", "role missing: admin"),
    ] {
        for kind in ["application/grpc", "application/grpc+proto"] {
            let (answer, ended) = call(&client, path, kind, token).await;
            assert_eq!((answer.status().as_u16(), status(&answer).as_deref()), (200, Some(code)), "{path}");
            assert!(ended);
            assert_eq!(answer.headers()["content-type"], "application/grpc");
            let told = answer.headers()["grpc-message"].to_str().unwrap();
            assert!(told.starts_with(message), "{told}");
        }
    }
    let (answer, _) = call(&client, "any", "application/json", None).await;
    assert_eq!((answer.status().as_u16(), status(&answer)), (401, None));
    issuer.clock.pass(61);
    let (answer, ended) = call(&client, "any", "application/grpc", Some(&token)).await;
    assert_eq!((answer.status().as_u16(), status(&answer).as_deref(), ended), (200, Some("14"), true));
    assert_eq!(answer.headers()["grpc-retry-pushback-ms"], "2000");
}
