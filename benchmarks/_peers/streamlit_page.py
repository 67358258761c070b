"""A Streamlit page: `streamlit run` serves it; the question is in the address."""

import streamlit as st

from benchmarks._peers.stream_client import pieces

if question := st.query_params.get("question"):
    with st.chat_message("assistant"):
        st.write_stream(pieces(question))
