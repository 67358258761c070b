# The page, or vlm_backends.server with the open weights: docker build -f deploy/Page.Dockerfile -t vlm-page .
FROM python:3.12-slim
WORKDIR /app
COPY requirements*.txt ./
RUN pip install --no-cache-dir -r requirements.txt -r requirements-local.txt
COPY . .
