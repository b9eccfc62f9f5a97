//! A stand-in for the web.

use sha2::{Digest as _, Sha256};
use std::{
    io::{Read as _, Write as _},
    sync::{Arc, Mutex},
};

/// Serves the same bytes for each request, until it is dropped.
pub(crate) struct FileServer {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<usize>>,
    stop: Arc<Mutex<bool>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FileServer {
    #[expect(
        clippy::disallowed_methods,
        reason = "a stand-in for the web, of this test alone"
    )]
    pub(crate) fn start(content: Vec<u8>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, stop) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(false)));
        let (count, stopped) = (requests.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if *stopped.lock().unwrap() {
                    return;
                }
                *count.lock().unwrap() += 1;
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    request.push(byte[0]);
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    content.len()
                );
                let _ = stream
                    .write_all(head.as_bytes())
                    .and_then(|()| stream.write_all(&content));
            }
        });
        Self {
            address,
            requests,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn requests(&self) -> usize {
        *self.requests.lock().unwrap()
    }

    /// A lock that pins `content` at this server.
    pub(crate) fn lock(&self, content: &[u8], member: Option<&str>) -> String {
        let member = member.map_or_else(String::new, |member| format!(", member = \"{member}\""));
        format!(
            "[[program]]\nname = \"tool\"\nversion = \"1.2.3\"\nrelease = [{{ platform = \"{}-{}\", url = \"http://{}/tool\", \
             sha256 = \"{}\"{member} }}]\n",
            std::env::consts::OS,
            std::env::consts::ARCH,
            self.address,
            hex::encode(Sha256::digest(content))
        )
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        *self.stop.lock().unwrap() = true;
        let _ = std::net::TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
