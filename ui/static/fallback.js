// The button that asks another engine; it is visible while it has a text.
showcase.offer = (element, props, watch, accept) => {
  const button = element.querySelector("button");
  const show = () => {
    button.textContent = props.value ?? "";
    button.hidden = !props.value;
  };
  button.addEventListener("click", accept);
  watch("value", show);
  show();
};
