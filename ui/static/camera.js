// The camera of a computer, in a dialog; a phone's own is opened by its field for files.
showcase.camera = (view) => {
  const { make, button } = showcase;
  if (!navigator.mediaDevices?.getUserMedia) return ""; // an address without https
  return button("Camera", take, { class: "webcam" });

  async function take() {
    const video = make("video", { autoplay: true, playsinline: true, muted: true });
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } });
    } catch {
      return showcase.saidOf(view, "There is no camera, or this page may not use it.", "bad");
    }
    video.srcObject = stream;
    const end = () => {
      for (const track of stream.getTracks()) track.stop();
      dialog.remove();
    };
    const shoot = () => {
      if (!video.videoWidth) return; // nothing is there yet
      const picture = make("canvas", { width: video.videoWidth, height: video.videoHeight });
      picture.getContext("2d").drawImage(video, 0, 0);
      end();
      picture.toBlob((data) => {
        view.pick({ files: [new File([data], "camera.jpg", { type: "image/jpeg" })] });
      }, "image/jpeg");
    };
    const dialog = make(
      "dialog",
      { class: "camera-dialog", "aria-label": "Camera", onclose: end },
      video,
      button("Take the picture", shoot, { class: "shoot" }),
      button("Cancel", end),
    );
    document.body.append(dialog); // the viewer may be drawn anew
    dialog.showModal();
  }
};
